/** Text in fewer characters: what a charset lacks is written with what it has. */

const SPELLED: Readonly<Record<string, string>> = {
  "ß": "ss",
  "æ": "ae",
  "Æ": "AE",
  "œ": "oe",
  "Œ": "OE",
  "ø": "o",
  "Ø": "O",
  "đ": "d",
  "Đ": "D",
  "ł": "l",
  "Ł": "L",
  "€": "EUR",
  "…": "...",
  "–": "-",
  "—": "-",
  "‘": "'",
  "’": "'",
  "‚": "'",
  "“": '"',
  "”": '"',
  "„": '"',
  "«": '"',
  "»": '"',
  "\u00a0": " ",
  "\u202f": " ",
};

/** Printable ASCII, TAB and line ends only; letters lose their marks, other characters become `?`. */
export function toAscii(text: string): string {
  if (/^[\t\r\n\x20-\x7e]*$/.test(text)) return text;
  return text.replace(/[^\t\r\n\x20-\x7e]/gu, (character) => SPELLED[character] ?? character)
    .normalize("NFD").replace(/\p{M}/gu, "")
    .replace(/[^\t\r\n\x20-\x7e]/gu, "?");
}

const tables = new Map<string, ReadonlyMap<string, number> | undefined>();

/** Charsets of which every octet up to 0x7e is that of ASCII wherever it stands, and that take more than one octet a character. */
const ASCII_INSIDE =
  /^(?:gb2312|gbk|gb18030|gb_2312-80|x-gbk|big5|big5-hkscs|euc-kr|ks_c_5601-1987|euc-jp|shift_jis|sjis|windows-31j)$/;

/**
 * Octets of a text in a charset, by its label in a message.
 *
 * @param has Whether text in that charset, to which this is added, may be changed at all: its last octets.
 * @returns Undefined where nothing can be added safely: an unknown charset, or one that is not ASCII at its end.
 */
export function encodeText(
  text: string,
  label: string | undefined,
  tail: Uint8Array,
): Uint8Array | undefined {
  const charset = (label ?? "us-ascii").trim().toLowerCase();
  if (charset === "utf-8" || charset === "utf8") return new TextEncoder().encode(text);
  if (/^(?:us-)?ascii$|^ansi_x3\.4/.test(charset)) return ascii(text);
  if (/^iso-2022-(?:jp|kr|cn)/.test(charset)) {
    // Only where the text has come back to ASCII: its last escape sequence says so, and no shift is in force.
    const end = tail.lastIndexOf(27);
    const back = end < 0 || tail[end + 1] === 40 && (tail[end + 2] === 66 || tail[end + 2] === 74);
    return back && tail.lastIndexOf(14) <= tail.lastIndexOf(15) ? ascii(text) : undefined;
  }
  if (ASCII_INSIDE.test(charset)) return ascii(text);
  const table = singleOctets(charset);
  if (table === undefined) return undefined;
  const out: number[] = [];
  for (const character of text) {
    const octet = table.get(character);
    if (octet !== undefined) out.push(octet);
    else for (const replacement of toAscii(character)) out.push(replacement.charCodeAt(0));
  }
  return new Uint8Array(out);
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(toAscii(text));
}

/** The octets of a charset of one octet a character that holds ASCII; undefined for every other. */
function singleOctets(charset: string): ReadonlyMap<string, number> | undefined {
  if (tables.has(charset)) return tables.get(charset);
  let table: Map<string, number> | undefined;
  if (
    /^(?:iso-?8859-?\d|iso_8859-|windows-\d|cp\d|x-cp\d|koi8-|macintosh|latin\d|l\d$|tis-620|ibm866)/
      .test(charset)
  ) {
    try {
      const decoder = new TextDecoder(charset);
      const made = new Map<string, number>();
      for (let octet = 255; octet >= 0; octet--) {
        const character = decoder.decode(new Uint8Array([octet]));
        if ([...character].length === 1 && character !== "\ufffd") made.set(character, octet);
      }
      if (made.get("A") === 65 && made.get("~") === 126) table = made;
    } catch {
      table = undefined; // a label that nobody knows
    }
  }
  if (tables.size < 64) tables.set(charset, table);
  return table;
}
