/** EBCDIC, which no browser knows and some mail programs decode: code pages 37 and 500, each a permutation of Latin-1. */

const CP037 = [
  "000102039c09867f978d8e0b0c0d0e0f101112139d8508871819928f1c1d1e1f",
  "80818283840a171b88898a8b8c050607909116939495960498999a9b14159e1a",
  "20a0e2e4e0e1e3e5e7f1a22e3c282b7c26e9eaebe8edeeefecdf21242a293bac",
  "2d2fc2c4c0c1c3c5c7d1a62c255f3e3ff8c9cacbc8cdcecfcc603a2340273d22",
  "d8616263646566676869abbbf0fdfeb1b06a6b6c6d6e6f707172aabae6b8c6a4",
  "b57e737475767778797aa1bfd0dddeae5ea3a5b7a9a7b6bcbdbe5b5dafa8b4d7",
  "7b414243444546474849adf4f6f2f3f57d4a4b4c4d4e4f505152b9fbfcf9faff",
  "5cf7535455565758595ab2d4d6d2d3d530313233343536373839b3dbdcd9da9f",
].join("");
const CP500: readonly (readonly [octet: number, character: number])[] = [
  [0x4a, 0x5b],
  [0x4f, 0x21],
  [0x5a, 0x5d],
  [0x5f, 0x5e],
  [0xb0, 0xa2],
  [0xba, 0xac],
  [0xbb, 0x7c],
];

function characters(hex: string): string[] {
  return (hex.match(/../g) ?? []).map((one) => String.fromCharCode(parseInt(one, 16)));
}

const cp037 = characters(CP037);
const cp500 = [...cp037];
for (const [octet, character] of CP500) cp500[octet] = String.fromCharCode(character);

/** A decoder for the label in lower case; undefined where it is another one's. */
export function ebcdicDecoder(label: string): { decode(octets: Uint8Array): string } | undefined {
  const page = /^(?:cp|ibm)-?0?(37|39|500)$/.exec(label)?.[1];
  if (page === undefined) return undefined;
  const table = page === "500" ? cp500 : cp037;
  return { decode: (octets) => Array.from(octets, (octet) => table[octet]).join("") };
}
