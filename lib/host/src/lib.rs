//! Starts and supervises pipelines: the one way any client creates, runs and cancels a session.
