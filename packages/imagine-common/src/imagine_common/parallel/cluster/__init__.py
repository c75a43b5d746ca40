"""Working on a Dask cluster. Only who asks for one imports what is in here."""
