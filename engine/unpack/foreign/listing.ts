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
  /** Paths of the files that it is wrong for. */
  readonly locked: ReadonlySet<string>;
  /** A method that this version of 7-Zip does not have. */
  readonly unsupported: boolean;
  /** Nothing but links and attributes, which there are none of here: all content is there. */
  readonly harmless: boolean;
}

/** Reads the messages of a run. */
export function readComplaints(text: string): Complaints {
  const links = text.match(
    /^ERROR: Cannot (?:create (?:hard|symbolic) link|set file attribute) :|^ERROR: Dangerous .*link.* was ignored/gm,
  );
  const errors = /^Sub items Errors: (\d+)/m.exec(text)?.[1];
  return {
    harmless: !/^(?:Open Errors|ERRORS:|Headers Error)/m.test(text) &&
      errors !== undefined && Number(errors) === (links?.length ?? 0),
    locked: new Set(
      text.matchAll(/^ERROR: (?:Wrong password|.* Wrong password\?) : (.*)$/gm).map((
        [, path = ""],
      ) => path),
    ),
    password: /Enter password|Wrong password|encrypted (?:archive|file)/i.test(text),
    unsupported: /Unsupported (?:Method|feature)/i.test(text),
  };
}
