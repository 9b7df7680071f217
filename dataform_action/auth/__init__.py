"""Access tokens for Google Cloud, from Application Default Credentials.

Others use ``token_source.ApplicationDefaultCredentials``. Only ``credentials`` imports google-auth.
"""
