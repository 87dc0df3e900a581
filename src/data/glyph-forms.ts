/**
 * The digits as people write them: for every digit a few forms, each a set of points and the strokes of the pen through
 * them. Units: y from −100 (top) to 100 (bottom), x to the right, 0 in the middle. A stroke is a smooth curve through
 * its points; strokes that share a point stay joined when the point is moved, and turn a corner there.
 */
export interface GlyphForm {
  /** How often this form is written, relative to the digit's others. */
  readonly weight: number
  readonly points: readonly (readonly [x: number, y: number])[]
  /** Indices into `points`, in the order the pen goes. */
  readonly strokes: readonly (readonly number[])[]
}

/** The forms of the digits 0 to 9. */
export const GLYPH_FORMS: readonly (readonly GlyphForm[])[] = [
  [
    { // an oval, the pen ending where it began
      weight: 6,
      points: [
        [8, -98], [-34, -78], [-55, -20], [-50, 42], [-14, 95], [30, 84], [56, 28], [52, -38], [24, -86], [-4, -98],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    },
    { // begun at the right, the end crossing over the start
      weight: 3,
      points: [
        [40, -72], [6, -98], [-36, -70], [-54, -6], [-42, 66], [0, 98], [42, 66], [54, 0], [42, -60], [10, -88],
        [-16, -80],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    },
    { // round
      weight: 2,
      points: [[4, -90], [-46, -66], [-76, -4], [-52, 64], [2, 90], [54, 62], [76, -2], [50, -66], [0, -90]],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7, 8]],
    },
  ],
  [
    { // a bare stroke
      weight: 7,
      points: [[2, -100], [0, -34], [0, 34], [-2, 100]],
      strokes: [[0, 1, 2, 3]],
    },
    { // with an upstroke
      weight: 2,
      points: [[-34, -58], [-14, -74], [4, -100], [4, -34], [2, 34], [2, 100]],
      strokes: [[0, 1, 2], [2, 3, 4, 5]],
    },
    { // with an upstroke and a foot
      weight: 1,
      points: [[-36, -62], [-14, -78], [4, -100], [3, -34], [2, 34], [0, 98], [-44, 98], [44, 96]],
      strokes: [[0, 1, 2], [2, 3, 4, 5], [6, 5, 7]],
    },
  ],
  [
    { // a bow, a slope, a corner and a base
      weight: 4,
      points: [
        [-50, -58], [-26, -92], [14, -98], [46, -72], [44, -28], [14, 20], [-22, 60], [-56, 94], [0, 92], [60, 90],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7], [7, 8, 9]],
    },
    { // with a loop at the foot
      weight: 4,
      points: [
        [-48, -62], [-22, -94], [20, -94], [44, -60], [34, -10], [4, 40], [-34, 82], [-62, 88], [-62, 62], [-34, 56],
        [0, 78], [34, 94], [66, 84],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]],
    },
    { // a rounded foot running into a wave
      weight: 2,
      points: [
        [-44, -66], [-14, -96], [28, -88], [42, -48], [24, 4], [-16, 52], [-46, 86], [-14, 84], [22, 94], [62, 82],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6], [6, 7, 8, 9]],
    },
  ],
  [
    { // two bows meeting in a point
      weight: 6,
      points: [
        [-44, -76], [-12, -98], [30, -88], [40, -54], [18, -18], [-16, -4], [26, 8], [52, 40], [36, 80], [-4, 98],
        [-50, 80],
      ],
      strokes: [[0, 1, 2, 3, 4, 5], [5, 6, 7, 8, 9, 10]],
    },
    { // two bows with a small loop between them
      weight: 2,
      points: [
        [-46, -80], [-8, -98], [34, -82], [34, -44], [6, -14], [-18, -4], [-14, -18], [16, -8], [48, 26], [42, 74],
        [0, 98], [-50, 86],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    },
    { // a flat top
      weight: 1,
      points: [
        [-48, -92], [0, -92], [46, -94], [20, -52], [-8, -14], [30, -6], [52, 32], [38, 76], [-2, 96], [-50, 78],
      ],
      strokes: [[0, 1, 2], [2, 3, 4], [4, 5, 6, 7, 8, 9]],
    },
  ],
  [
    { // open: an angle, then the stem
      weight: 6,
      points: [[-48, -88], [-54, -40], [-50, 2], [-4, 6], [38, -4], [44, -92], [38, -44], [30, 44], [26, 100]],
      strokes: [[0, 1, 2], [2, 3, 4], [5, 6, 4, 7, 8]],
    },
    { // open and round, in one go
      weight: 3,
      points: [[-42, -86], [-54, -44], [-42, -8], [-2, -2], [34, -26], [46, -92], [38, -10], [30, 46], [26, 100]],
      strokes: [[0, 1, 2, 3, 4, 5], [5, 6, 7, 8]],
    },
    { // closed: the slope and the stem meet at the top
      weight: 3,
      points: [[22, -98], [-18, -42], [-60, 24], [-4, 24], [62, 20], [22, -30], [20, 24], [18, 100]],
      strokes: [[0, 1, 2], [2, 3, 4], [0, 5, 6, 7]],
    },
  ],
  [
    { // neck and bow, then the bar
      weight: 5,
      points: [
        [-34, -90], [-38, -52], [-42, -14], [-4, -28], [38, -8], [48, 38], [22, 82], [-18, 96], [-54, 76], [8, -92],
        [56, -96],
      ],
      strokes: [[0, 1, 2], [2, 3, 4, 5, 6, 7, 8], [0, 9, 10]],
    },
    { // in one go, like an S
      weight: 4,
      points: [
        [54, -92], [8, -94], [-34, -82], [-42, -44], [-24, -16], [16, 0], [42, 30], [32, 74], [-8, 96], [-52, 82],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    },
    { // a long, slanting bar and a small bow
      weight: 2,
      points: [
        [-22, -72], [-36, -38], [-44, -6], [-6, -8], [26, 10], [32, 48], [6, 84], [-48, 92], [22, -84], [68, -98],
      ],
      strokes: [[0, 1, 2], [2, 3, 4, 5, 6, 7], [0, 8, 9]],
    },
  ],
  [
    { // a bent stem and a closed bow
      weight: 6,
      points: [
        [26, -98], [-14, -62], [-42, -10], [-48, 46], [-22, 90], [22, 92], [48, 56], [36, 16], [0, 6], [-32, 30],
        [-42, 60],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    },
    { // a straight stem and a small bow
      weight: 3,
      points: [
        [12, -100], [-12, -52], [-32, 0], [-40, 52], [-18, 92], [18, 92], [36, 62], [22, 34], [-8, 38], [-32, 66],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    },
    { // round, the head bent over
      weight: 2,
      points: [
        [44, -80], [8, -92], [-32, -58], [-54, 0], [-48, 58], [-8, 96], [38, 78], [50, 34], [20, 2], [-22, 14],
        [-46, 46],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    },
  ],
  [
    { // bar and stem
      weight: 5,
      points: [[-54, -78], [0, -86], [52, -90], [36, -40], [10, 30], [-8, 100]],
      strokes: [[0, 1, 2], [2, 3, 4, 5]],
    },
    { // with a line through the stem
      weight: 2,
      points: [[-54, -86], [0, -90], [52, -92], [32, -40], [10, 6], [-12, 98], [-34, 8], [48, 2]],
      strokes: [[0, 1, 2], [2, 3, 4, 5], [6, 4, 7]],
    },
    { // a hook at the start, the stem bent
      weight: 2,
      points: [[-56, -50], [-50, -88], [0, -82], [52, -92], [30, -38], [12, 26], [8, 100]],
      strokes: [[0, 1], [1, 2, 3], [3, 4, 5, 6]],
    },
    { // rounded at the top
      weight: 2,
      points: [[-52, -70], [-14, -88], [30, -92], [48, -70], [34, -20], [10, 40], [-6, 100]],
      strokes: [[0, 1, 2, 3, 4, 5, 6]],
    },
  ],
  [
    { // an S and back up
      weight: 7,
      points: [
        [38, -76], [0, -98], [-38, -74], [-30, -34], [4, -4], [40, 40], [30, 84], [-8, 98], [-42, 76], [-36, 34],
        [0, -2], [34, -38], [40, -80],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]],
    },
    { // one ring on another
      weight: 2,
      points: [
        [0, -98], [-34, -76], [-36, -34], [2, -8], [36, -36], [34, -76], [-42, 22], [-44, 70], [0, 98], [44, 70],
        [40, 20],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 0], [3, 6, 7, 8, 9, 10, 3]],
    },
    { // slender, open at the top
      weight: 2,
      points: [
        [34, -98], [-4, -92], [-28, -62], [-12, -22], [18, 20], [28, 64], [4, 96], [-26, 80], [-24, 38], [6, -8],
        [34, -56], [44, -84],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    },
  ],
  [
    { // a ring and a straight stem
      weight: 6,
      points: [
        [40, -64], [10, -96], [-34, -80], [-46, -38], [-22, -8], [18, -18], [42, -66], [36, -10], [26, 46], [16, 100],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6], [6, 7, 8, 9]],
    },
    { // a ring running into a bent stem
      weight: 4,
      points: [
        [36, -84], [0, -98], [-36, -72], [-34, -28], [4, -14], [36, -46], [42, -84], [42, -24], [32, 36], [6, 76],
        [-34, 96],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6], [6, 7, 8, 9, 10]],
    },
    { // in one go, the stem falling from the ring
      weight: 2,
      points: [
        [32, -62], [28, -92], [-12, -96], [-40, -62], [-26, -26], [8, -30], [32, -62], [34, -16], [18, 44], [0, 100],
      ],
      strokes: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    },
  ],
]
