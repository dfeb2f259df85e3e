"""Gene activity from ATAC: peaks, fragments and gene annotations."""
