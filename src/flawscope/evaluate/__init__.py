"""A segmenter, or a folder of somebody's maps, against true masks."""
