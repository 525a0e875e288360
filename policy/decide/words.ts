/** Words in one block of memory, so that what a decision reads together lies together. */

/** A growing block of 32-bit words. */
export class WordBuilder {
  #words = new Int32Array(1 << 12);
  #length = 0;

  /** Where the next word goes. */
  get length(): number {
    return this.#length;
  }

  /** Adds so many zeros. @returns where they begin. */
  reserve(count: number): number {
    const begin = this.#length;
    this.#length += count;
    while (this.#length > this.#words.length) this.#grow();
    return begin;
  }

  push(word: number): void {
    if (this.#length === this.#words.length) this.#grow();
    this.#words[this.#length++] = word;
  }

  set(address: number, word: number): void {
    this.#words[address] = word;
  }

  /** The words, in a block of just their size. */
  finish(): Int32Array<ArrayBuffer> {
    return this.#words.slice(0, this.#length);
  }

  #grow(): void {
    const wider = new Int32Array(this.#words.length * 2);
    wider.set(this.#words);
    this.#words = wider;
  }
}
