//! Programs that others have written, before and behind l4lb.
