/** AES without padding, as documents use it. */
import { createDecipheriv } from "node:crypto";

/** What ECB has for an initial vector; `null` is not taken by every runtime. */
const NO_VECTOR = new Uint8Array(0);

/** Whether AES has keys of so many octets. */
export function isAesKey(octets: number): boolean {
  return octets === 16 || octets === 24 || octets === 32;
}

/**
 * Deciphers whole blocks; what is left over of the data is left out.
 *
 * @param key 16, 24 or 32 octets.
 * @param vector 16 octets for CBC; none for ECB.
 */
export function decipherBlocks(
  key: Uint8Array,
  data: Uint8Array,
  vector?: Uint8Array,
): Uint8Array {
  const decipher = createDecipheriv(
    `aes-${8 * key.length}-${vector ? "cbc" : "ecb"}`,
    key,
    vector ?? NO_VECTOR,
  );
  decipher.setAutoPadding(false);
  const plain = new Uint8Array(decipher.update(data.subarray(0, data.length & ~15)));
  decipher.final(); // frees what the runtime holds for it
  return plain;
}
