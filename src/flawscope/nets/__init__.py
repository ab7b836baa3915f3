"""Pure torch networks; this room knows no files but weights handed to it."""
