/** What 7-Zip says: its listings (`l -slt`), and its errors. */

/** One entry of a listing. */
export interface ListedEntry {
  readonly path: string;
  /** As the container claims it, octets. */
  readonly size: number;
  readonly encrypted: boolean;
  readonly isFolder: boolean;
  /** Methods with their parameters, e.g. `LZMA2:12 7zAES:19`. */
  readonly method: string;
}

/** Reads the text of `l -slt -ba`: one entry after the other, a property a line, each entry from its `Path` on. */
export function readListing(text: string, maxEntries: number): readonly ListedEntry[] {
  const entries: ListedEntry[] = [];
  for (const block of text.split(/^(?=Path = )/m)) {
    if (!block.startsWith("Path = ")) continue;
    if (entries.length >= maxEntries) break;
    const field = (name: string) => new RegExp(`^${name} = (.*)$`, "m").exec(block)?.[1] ?? "";
    entries.push({
      path: field("Path"),
      size: Number(field("Size")) || 0,
      encrypted: field("Encrypted") === "+",
      isFolder: field("Folder") === "+" || field("Attributes").startsWith("D"),
      method: field("Method"),
    });
  }
  return entries;
}

/** What the messages of a run complain of. */
export interface Complaints {
  /** A password is asked for, or the one given is wrong. */
  readonly password: boolean;
  /** A method that this version of 7-Zip does not have. */
  readonly unsupported: boolean;
  /** It is no container that 7-Zip knows. */
  readonly unknown: boolean;
}

/** Reads the messages of a run. */
export function readComplaints(text: string): Complaints {
  return {
    password: /Enter password|Wrong password|encrypted (?:archive|file)/i.test(text),
    unsupported: /Unsupported (?:Method|feature)/i.test(text),
    unknown: /Can(?:not|'t) open the file as|is not archive/i.test(text),
  };
}
