/** The compiled policy: plain data. Filled in by policy/compile.ts, read by policy/decide.ts. */

/** A compiled policy document. JSON-safe, structured-cloneable, versioned. */
export interface DecisionTree {
  readonly version: 1;
  /** SHA-256 of the canonical document, lower-case hex. */
  readonly hash: string;
}
