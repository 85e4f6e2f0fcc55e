"""The bookmark list: read from Karakeep, merged over what is stored, published."""
