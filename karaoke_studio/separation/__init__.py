"""Engines that tell voice from music. The only room that may know torch and Demucs."""
