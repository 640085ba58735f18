package frame

import "hash/crc32"

// Reseal gives changed bytes a right CRC.
func Reseal(b *[Size]byte) { le.PutUint32(b[4:], crc32.ChecksumIEEE(b[8:])) }
