"""Object stores (a folder, or S3) behind one protocol, and the publish of a dataset into them."""
