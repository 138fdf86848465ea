"""Songs on disk and their index. The only room that speaks SQL."""
