/** Undoes what makes rows of samples compress better: each octet told by its difference to others. ISO 32000-1, 7.4.4.4 */

/** What DecodeParms say of the rows. */
export interface RowForm {
  /** 2 is TIFF's; from 10 on each row tells its own of PNG's; others change nothing. */
  readonly predictor: number;
  readonly colors: number;
  readonly bitsPerComponent: number;
  readonly columns: number;
}

/** Undoes a predictor; a last row that is cut is read as far as it goes. */
export function undoPredictor(octets: Uint8Array, form: RowForm): Uint8Array {
  const { predictor, colors, bitsPerComponent, columns } = form;
  if (predictor !== 2 && predictor < 10) return octets;
  const pixelBits = colors * bitsPerComponent;
  const rowOctets = Math.ceil(pixelBits * columns / 8);
  if (!(rowOctets >= 1)) return octets;
  if (predictor === 2) {
    return bitsPerComponent === 8 || bitsPerComponent === 16
      ? undoTiff(octets, rowOctets, colors, bitsPerComponent === 16)
      : undoTiffBits(octets, rowOctets, colors, bitsPerComponent);
  }
  return undoPng(octets, rowOctets, Math.max(1, Math.ceil(pixelBits / 8)));
}

/** PNG specification, section 9: in front of each row stands how it was filtered. */
function undoPng(octets: Uint8Array, rowOctets: number, pixelOctets: number): Uint8Array {
  const output = new Uint8Array(octets.length);
  let to = 0;
  let above = -1; // where the row above begins
  for (let at = 0; at + 1 < octets.length;) {
    const kind = octets[at++] ?? 0;
    const length = Math.min(rowOctets, octets.length - at);
    for (let i = 0; i < length; i++) {
      const left = i >= pixelOctets ? output[to + i - pixelOctets] ?? 0 : 0;
      const up = above >= 0 ? output[above + i] ?? 0 : 0;
      const corner = above >= 0 && i >= pixelOctets ? output[above + i - pixelOctets] ?? 0 : 0;
      output[to + i] = (octets[at + i] ?? 0) + predicted(kind, left, up, corner);
    }
    above = to;
    to += length;
    at += length;
  }
  return output.subarray(0, to);
}

function predicted(kind: number, left: number, up: number, corner: number): number {
  switch (kind) {
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    case 4: {
      const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), 0];
      const both = Math.abs(left + up - 2 * corner) + c;
      return a <= b && a <= both ? left : b <= both ? up : corner;
    }
    default:
      return 0;
  }
}

/** TIFF 6.0, section 14: each component less the one to its left. */
function undoTiff(
  octets: Uint8Array,
  rowOctets: number,
  colors: number,
  isWide: boolean,
): Uint8Array {
  const output = octets.slice();
  const step = isWide ? 2 * colors : colors;
  for (let row = 0; row < output.length; row += rowOctets) {
    const end = Math.min(row + rowOctets, output.length);
    if (!isWide) {
      for (let i = row + step; i < end; i++) {
        output[i] = (output[i] ?? 0) + (output[i - step] ?? 0);
      }
      continue;
    }
    for (let i = row + step; i + 1 < end; i += 2) {
      const sum = wideAt(output, i) + wideAt(output, i - step);
      output[i] = sum >> 8;
      output[i + 1] = sum;
    }
  }
  return output;
}

function wideAt(octets: Uint8Array, at: number): number {
  return (octets[at] ?? 0) << 8 | (octets[at + 1] ?? 0);
}

/** The same for components of 1, 2 or 4 bits. */
function undoTiffBits(
  octets: Uint8Array,
  rowOctets: number,
  colors: number,
  bits: number,
): Uint8Array {
  if (bits !== 1 && bits !== 2 && bits !== 4) return octets;
  const output = octets.slice();
  const mask = (1 << bits) - 1;
  const last = new Uint8Array(Math.min(colors, rowOctets * 8));
  for (let row = 0; row < output.length; row += rowOctets) {
    const end = Math.min(row + rowOctets, output.length);
    last.fill(0);
    let color = 0;
    for (let i = row; i < end; i++) {
      let octet = 0;
      for (let shift = 8 - bits; shift >= 0; shift -= bits) {
        const sum = ((output[i] ?? 0) >> shift) + (last[color] ?? 0) & mask;
        last[color] = sum;
        octet |= sum << shift;
        if (++color >= colors) color = 0;
      }
      output[i] = octet;
    }
  }
  return output;
}
