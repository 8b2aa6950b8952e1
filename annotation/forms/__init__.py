"""What people send, checked and turned into words the actions take; a file a noun."""
