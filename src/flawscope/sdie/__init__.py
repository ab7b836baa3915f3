"""Segmentation-driven image enhancement: an agent that mixes filters until the segmenter sees the defect."""
