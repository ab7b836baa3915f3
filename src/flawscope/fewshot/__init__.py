"""The few-shot study."""
