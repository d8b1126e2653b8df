"""Google Contacts: the stream `contacts`."""
