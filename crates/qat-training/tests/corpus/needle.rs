//! The answer of a needle is in its context, once.

use qat_training::corpus::{Corpus, Domain, Split};

#[test]
fn the_asked_fact_is_given_once_and_fits_the_question() {
    for index in 0..500 {
        let sample = Corpus::new(11).sample(Domain::Needle, Split::Train, index);
        let (context, question) = sample.prompt().split_once('\n').expect("a context and a question");
        assert_eq!(context.matches(sample.answer()).count(), 1, "{}", sample.text());
        let subject = question.trim_end_matches('?').rsplit_once("the ").expect("a subject").1;
        assert!(sample.answer().contains(subject), "{}", sample.text());
        assert_eq!(context.matches(&format!("{subject} is")).count(), 1, "{}", sample.text());
    }
}
