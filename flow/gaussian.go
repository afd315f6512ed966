package flow

import (
	"errors"

	"github.com/oodflow/oodflow/internal/blas"
)

// GaussianNLL fits the Gaussian model that [Train] starts from and is measured against to the rows of train, and returns the
// mean negative log-likelihood of the rows of valid under it, in nats per row: one normal or, with labels, a mixture of
// normals at the class means that share a covariance. The covariance's ridge is the one that suits valid best. At most 2,000
// rows of valid are looked at, the first ones. Errors are those of [Train].
func GaussianNLL(train, valid Data) (float64, error) {
	blas.Split()
	if err := errors.Join(train.check("training", 2), valid.check("validation", 1)); err != nil {
		return 0, err
	}
	watched, err := valid.head(checkRows)
	if err != nil {
		return 0, err
	}
	if err := checkFinite("validation", 0, watched, valid.Dim()); err != nil {
		return 0, err
	}
	ref, err := fitReference(train, watched, train.repeats(), train.Labels != nil)
	if err != nil {
		return 0, err
	}
	return ref.nll, nil
}
