"""What Google can be asked to do besides records: a folder in Drive, an event in Calendar, a draft in Gmail."""
