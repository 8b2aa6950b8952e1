"""The JSON API: the same actions as the pages, serializers at the edge only."""
