package frame

// Reseal gives changed bytes a right CRC.
func Reseal(b *[Size]byte) { le.PutUint32(b[4:], checksum(b)) }
