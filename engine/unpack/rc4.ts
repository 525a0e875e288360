/** RC4, for documents that are still enciphered with it. */

/** One key stream. */
export class Rc4 {
  readonly #state = Uint8Array.from({ length: 256 }, (_, i) => i);
  #i = 0;
  #j = 0;

  /** @param key 1 to 256 octets. */
  constructor(key: Uint8Array) {
    const state = this.#state;
    for (let i = 0, j = 0; i < 256; i++) {
      const value = state[i] ?? 0;
      j = (j + value + (key[i % key.length] ?? 0)) & 255;
      state[i] = state[j] ?? 0;
      state[j] = value;
    }
  }

  /** Goes on with the key stream: deciphers, or enciphers. */
  update(data: Uint8Array): Uint8Array {
    const state = this.#state;
    const output = new Uint8Array(data.length);
    let i = this.#i;
    let j = this.#j;
    for (let n = 0; n < data.length; n++) {
      i = (i + 1) & 255;
      const value = state[i] ?? 0;
      j = (j + value) & 255;
      const other = state[j] ?? 0;
      state[i] = other;
      state[j] = value;
      output[n] = (data[n] ?? 0) ^ (state[(value + other) & 255] ?? 0);
    }
    this.#i = i;
    this.#j = j;
    return output;
  }
}

/** All of `data` with the key stream's beginning. */
export function rc4(key: Uint8Array, data: Uint8Array): Uint8Array {
  return new Rc4(key).update(data);
}
