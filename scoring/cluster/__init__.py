"""Past one machine, and past its memory: a Dask cluster, features from partitioned Parquet."""
