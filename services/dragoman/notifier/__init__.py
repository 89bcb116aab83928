"""The courier: brings records to where a side wants to be told, by webhook and by e-mail, and records whether it could."""
