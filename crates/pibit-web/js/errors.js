/** What went wrong, with a `code` that does not change with the text. */
export class PibitError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = 'PibitError';
    this.code = code;
  }

  /** The error that the page sees for whatever was thrown. */
  static of(error) {
    if (error instanceof PibitError) return error;
    if (error?.name === 'AbortError') return new PibitError('aborted', 'stopped by the caller');
    return new PibitError(error?.code && typeof error.code === 'string' ? error.code : 'failed', error?.message ?? String(error));
  }
}
