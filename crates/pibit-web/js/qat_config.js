import { PibitError } from './errors.js';

/** Settings of an adapter that learns in the tab. */
export class QatConfig {
  /** @param {{ rank?: number, steps?: number, seed?: number }} settings */
  constructor({ rank = 4, steps = 16, seed = 1, ...unknown } = {}) {
    const stray = Object.keys(unknown)[0];
    if (stray) throw new PibitError('badInput', `${stray} is no setting; there are rank, steps and seed`);
    this.rank = whole('rank', rank, 1, 64);
    this.steps = whole('steps', steps, 1, 1000);
    this.seed = whole('seed', seed, 0, Number.MAX_SAFE_INTEGER);
    Object.freeze(this);
  }

  toJson() {
    return JSON.stringify(this);
  }

  /** Reads what {@link QatConfig.toJson} wrote. */
  static fromJson(json) {
    let settings;
    try {
      settings = JSON.parse(json);
    } catch (error) {
      throw new PibitError('badInput', `settings: ${error.message}`);
    }
    if (typeof settings !== 'object' || settings === null) throw new PibitError('badInput', 'settings are an object');
    return new QatConfig(settings);
  }
}

function whole(name, value, least, most) {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new PibitError('badInput', `${name} is a whole number from ${least} to ${most}, not ${value}`);
}
