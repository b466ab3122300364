"""Serving: addresses, the engines that speak HTTP, one worker or several under a supervisor."""
