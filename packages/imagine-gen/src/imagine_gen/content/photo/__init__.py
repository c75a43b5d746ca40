"""Photo content: scenes with the statistics of photographs, in integer arithmetic."""
