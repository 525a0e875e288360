/** What the benchmarks read from the environment and print. */

/** Numbers from an environment variable, `4096 61440`; `otherwise` where it is not set. @throws where one is no number. */
export function numbers(name: string, otherwise: readonly number[]): readonly number[] {
  const text = Deno.env.get(name);
  if (!text) return otherwise;
  return text.trim().split(/[\s,]+/).map((word) => {
    const value = Number(word);
    if (!(value > 0)) throw new Error(`${name}: ${word} is no number above 0`);
    return value;
  });
}

/** Octets as MiB without decimals. */
export function mebibytes(octets: number): string {
  return (octets / (1 << 20)).toFixed(0);
}

/** A table with right-aligned columns. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all.map((row) => row.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("  ")).join(
    "\n",
  );
}
