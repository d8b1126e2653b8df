"""Side effects: a Drive folder, a Calendar event, a Gmail draft."""
