"""Random words, from fm-tools(7) alone."""
import numpy as np
import xxhash


def philox(seed, purpose, draw, epoch, ids):
    """Four words for each id, as uint32 [n, 4]."""
    key = xxhash.xxh3_64_intdigest(purpose.encode(), seed=seed)
    k0, k1 = key & 0xffffffff, key >> 32
    ids = np.asarray(ids).astype(np.uint64)
    low = np.uint64(0xffffffff)
    c = [np.full(len(ids), draw, np.uint64), np.full(len(ids), epoch, np.uint64), ids & low, ids >> np.uint64(32)]
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [q >> np.uint64(32) ^ c[1] ^ np.uint64(k0), q & low, p >> np.uint64(32) ^ c[3] ^ np.uint64(k1), p & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xffffffff, (k1 + 0xBB67AE85) & 0xffffffff
    return np.stack(c, 1).astype(np.uint32)


def uniform(words):
    return (words >> 8) * 2.0 ** -24
