"""The pages: each reads its rows, and says what they mean."""
