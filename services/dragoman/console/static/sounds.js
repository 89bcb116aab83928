// The four sounds, which differ in rhythm and not only in pitch. They follow the burst shapes of
// IEC 60601-1-8. The script schedules all pulses on the audio clock in advance, because a hidden
// page's timers run once a minute, but its sounds run on time.

const PEAK = 0.8;
const RAMP_S = 0.02;
const HARMONICS = [1, 0.6, 0.4, 0.28, 0.18];

const pulses = (frequency, count, from, pulse, gap) =>
  Array.from({ length: count }, (_, number) => ({ at: from + number * (pulse + gap), for: pulse, frequency }));

const flashHalf = (from) => [...pulses(660, 3, from, 0.15, 0.1), ...pulses(880, 2, from + 0.95, 0.15, 0.1)];

// When each pulse begins, for how long, and at which base frequency: seconds and hertz.
export const PATTERNS = {
  flash: [...flashHalf(0), ...flashHalf(1.85)],
  immediate: pulses(523, 3, 0, 0.2, 0.2),
  short: pulses(440, 2, 0, 0.25, 0.15),
  blind: [...pulses(440, 1, 0, 0.3, 0), ...pulses(330, 1, 0.35, 0.3, 0)],
  back: [...pulses(330, 1, 0, 0.3, 0), ...pulses(440, 1, 0.35, 0.3, 0)],
};

export const lasts = (name) => Math.max(...PATTERNS[name].map((pulse) => pulse.at + pulse.for));

function wave(context) {
  const imaginary = new Float32Array([0, ...HARMONICS]);
  return context.createPeriodicWave(new Float32Array(imaginary.length), imaginary);
}

// Put a pattern on a context's clock; what is given back stops it.
export function play(context, name, { when = context.currentTime, volume = 1 } = {}) {
  const out = context.createGain();
  out.gain.value = 1;
  out.connect(context.destination);
  const form = wave(context);
  const sources = PATTERNS[name].map((pulse) => {
    const source = context.createOscillator();
    const gain = context.createGain();
    const begins = when + pulse.at;
    const ends = begins + pulse.for;
    source.setPeriodicWave(form);
    source.frequency.value = pulse.frequency;
    gain.gain.setValueAtTime(0, begins);
    gain.gain.linearRampToValueAtTime(PEAK * volume, begins + RAMP_S);
    gain.gain.setValueAtTime(PEAK * volume, ends - RAMP_S);
    gain.gain.linearRampToValueAtTime(0, ends);
    source.connect(gain).connect(out);
    source.start(begins);
    source.stop(ends);
    return source;
  });
  return {
    ends: when + lasts(name),
    stop() {
      out.gain.cancelScheduledValues(0);
      out.gain.setTargetAtTime(0, context.currentTime, 0.01);
      for (const source of sources) source.stop(context.currentTime + 0.05);
    },
  };
}

// How often a pattern is repeated, in seconds, by how long it has been going on.
export const EVERY = {
  flash: () => 10,
  immediate: (since) => (since < 300 ? 30 : 60),
  blind: (since) => (since < 120 ? 15 : 60),
};
