"""The dialect of `/v1/completions`."""
