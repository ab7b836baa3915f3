"""Folders of images and annotations become samples; what is wrong with them is found here."""
