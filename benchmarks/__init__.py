"""What the action costs beside what people would use without it: ``make bench``."""
