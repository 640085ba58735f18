package ship

// Backoff is backoff.
var Backoff = backoff
