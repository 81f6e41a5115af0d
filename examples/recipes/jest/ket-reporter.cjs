// jest-junit with names by which a retry finds a case again: its file, and all of its titles as -t wants them.
const JestJUnit = require('jest-junit');

module.exports = class extends JestJUnit {
  constructor(config) {
    super(config, {
      // Functions: in a template `$&` or `{title}` in a title would be replaced.
      classNameTemplate: ({ filepath }) => filepath,
      titleTemplate: ({ classname, title }) =>
        `${classname} ${title}`.trimStart().replace(/[\p{Cc}\p{Cs}\u2028\u2029\ufffe\uffff]/gu, '\ufffd'),
    });
    const write = this.onRunComplete;
    this.onRunComplete = async (contexts, results) => {
      await write(contexts, results);
      const { testResults, numPassedTests, numFailedTests } = results;
      // jest is content when -t fits no test.
      if (process.env.KET_RETRY_CASES && testResults.length > 0 && numPassedTests + numFailedTests === 0)
        this.error = new Error('none of the cases to be retried is here');
    };
  }

  getLastError() {
    if (this.error) console.error(this.error.message);
    return this.error;
  }
};
