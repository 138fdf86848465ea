"""What comes before models and measuring: sound as it should be, and the features of it.

`validation` says what can be asked for, `metrics` listens, `restorer`, `filters`, `noise_reducer`
and `normalizer` work on blocks, `chain` puts them in order; `segmenter` and `feature_extractor`
tell what is in a song.
"""
