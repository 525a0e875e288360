/** Numbers of formulas: the same formula has the same number. */
export class NodeNumbers {
  readonly #nodes: number[][];
  /** Open addressing: numbers plus one; 0 is free. */
  #slots = new Int32Array(1024);

  /** @param nodes To which new formulas are added; those that are there are known. */
  constructor(nodes: number[][]) {
    this.#nodes = nodes;
    this.#fill();
  }

  /** The number of a formula, as in DecisionTree.nodes. */
  number(node: number[]): number {
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(node) & mask;; slot = (slot + 1) & mask) {
      const number = this.#slots[slot]! - 1;
      if (number < 0) {
        this.#slots[slot] = this.#nodes.push(node);
        if (this.#nodes.length * 2 > mask) this.#fill();
        return this.#nodes.length - 1;
      }
      if (isSame(this.#nodes[number]!, node)) return number;
    }
  }

  #fill(): void {
    let size = this.#slots.length;
    while (size < this.#nodes.length * 4) size *= 2;
    this.#slots = new Int32Array(size);
    this.#nodes.forEach((node, number) => {
      let slot = hashOf(node) & (size - 1);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (size - 1);
      this.#slots[slot] = number + 1;
    });
  }
}

function hashOf(node: readonly number[]): number {
  let hash = node.length;
  for (let i = 0; i < node.length; i++) {
    hash = Math.imul(hash ^ node[i]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}
