//! curl, over HTTPS with each version, and nginx that speaks it as a backend.
