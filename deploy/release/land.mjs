// Write the land of the earth as plain rings, from world-atlas (Natural Earth, 1:50 million).
//
//     node land.mjs OUTPUT      {"source": "world-atlas@2.0.2 land-50m", "scale": 100, "rings": [[lon, lat, …], …]}
//
// The package has land alone in this file: no country, no border, no name. On a sphere a ring may cross the
// 180th meridian or go around a pole. d3-geo cuts every ring there, so that a flat chart can draw it as it is.
// Numbers are whole hundredths of a degree. Holes are rings too: the chart fills by the even-odd rule.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { geoEquirectangular, geoPath } from "d3-geo";
import { feature } from "topojson-client";

const SCALE = 100;
const NAME = "land-50m";
const require = createRequire(import.meta.url);
const { version } = require("world-atlas/package.json");
const topology = JSON.parse(readFileSync(require.resolve(`world-atlas/${NAME}.json`), "utf8"));

const rings = [];
let ring = [];
const whole = (value) => Math.round(value * SCALE) + 0;

function add(lon, lat) {
  const [x, y] = [whole(lon), whole(-lat)];
  if (ring.at(-2) !== x || ring.at(-1) !== y) ring.push(x, y);
}

const context = {
  beginPath() {},
  moveTo(lon, lat) { ring = []; add(lon, lat); },
  lineTo: add,
  closePath() {
    if (ring[0] === ring.at(-2) && ring[1] === ring.at(-1)) ring.length -= 2;
    if (ring.length >= 6) rings.push(ring);
  },
};

// One unit is one degree, and precision 0 adds no points to straight edges.
const degrees = geoEquirectangular().scale(180 / Math.PI).translate([0, 0]).precision(0);
geoPath(degrees, context)(feature(topology, topology.objects.land));
rings.sort((one, other) => other.length - one.length || one[0] - other[0] || one[1] - other[1]);
writeFileSync(process.argv[2], JSON.stringify({ source: `world-atlas@${version} ${NAME}`, scale: SCALE, rings }));
