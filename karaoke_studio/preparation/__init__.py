"""What comes before models and measuring: sound as it should be, and the features of it."""
