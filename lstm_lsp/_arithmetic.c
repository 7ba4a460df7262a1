/* The arithmetic of one step of a search, compiled: what arithmetic.py says in numpy.

   A step does little arithmetic, but after the network's weights went through the caches each
   numpy call is cold: one call here takes the place of a dozen. Knows nothing of models or text;
   arguments are buffers, rows have 256 numbers, and what does not fit raises ValueError. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <math.h>
#include <stdint.h>

enum { SYMBOLS = 256 };

static void release(Py_buffer *buffers, int count)
{
    for (int i = 0; i < count; i++)
        if (buffers[i].obj != NULL)
            PyBuffer_Release(&buffers[i]);
}

/* Whether `rows` has `count` numbers that say where in a table of `length` bytes a row is. */
static int fit(const Py_buffer *rows, Py_ssize_t count, Py_ssize_t length)
{
    const int64_t *row = rows->buf;
    Py_ssize_t most = length / (Py_ssize_t)(SYMBOLS * sizeof(float));
    if (rows->len != count * (Py_ssize_t)sizeof(int64_t))
        return 0;
    for (Py_ssize_t i = 0; i < count; i++)
        if (row[i] < 0 || row[i] >= most)
            return 0;
    return 1;
}

static PyObject *normalise(PyObject *module, PyObject *args)
{
    Py_buffer all[5] = {{0}};
    Py_buffer *mixed = all, *table = all + 1, *rows = all + 2, *logs = all + 3, *shares = all + 4;
    PyObject *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*y*w*w*", mixed, table, rows, logs, shares))
        goto end;
    Py_ssize_t count = mixed->len / (Py_ssize_t)(SYMBOLS * sizeof(float));
    if (logs->len != mixed->len || shares->len != mixed->len || !fit(rows, count, table->len)) {
        PyErr_SetString(PyExc_ValueError, "normalise: shapes do not agree");
        goto end;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        const float *from = (const float *)mixed->buf + i * SYMBOLS;
        const float *added = (const float *)table->buf + ((const int64_t *)rows->buf)[i] * SYMBOLS;
        float *log_probs = (float *)logs->buf + i * SYMBOLS;
        float *probabilities = (float *)shares->buf + i * SYMBOLS;
        double total = 0;
        for (int s = 0; s < SYMBOLS; s++) {
            log_probs[s] = from[s] + added[s];
            probabilities[s] = expf(log_probs[s]);
            total += probabilities[s];
        }
        float shift = (float)log(total), scale = (float)(1 / total);
        for (int s = 0; s < SYMBOLS; s++) {
            log_probs[s] -= shift;
            probabilities[s] *= scale;
        }
    }
    result = Py_NewRef(Py_None);
end:
    release(all, 5);
    return result;
}

static PyObject *best(PyObject *module, PyObject *args)
{
    Py_buffer all[7] = {{0}};
    Py_buffer *scores = all, *log_probs = all + 1, *table = all + 2, *rows = all + 3;
    Py_buffer *parents = all + 4, *symbols = all + 5, *chosen = all + 6;
    double floor;
    PyObject *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*y*y*dw*w*w*", scores, log_probs, table, rows, &floor, parents,
                          symbols, chosen))
        goto end;
    Py_ssize_t count = scores->len / (Py_ssize_t)sizeof(double);
    Py_ssize_t most = chosen->len / (Py_ssize_t)sizeof(double), found = 0;
    if (log_probs->len != count * (Py_ssize_t)(SYMBOLS * sizeof(float)) || most < 1 ||
        parents->len != chosen->len || symbols->len != chosen->len ||
        !fit(rows, count, table->len)) {
        PyErr_SetString(PyExc_ValueError, "best: shapes do not agree");
        goto end;
    }
    int64_t *to_parent = parents->buf, *to_symbol = symbols->buf;
    double *to_score = chosen->buf;
    for (Py_ssize_t i = 0; i < count; i++) {
        const float *row = (const float *)log_probs->buf + i * SYMBOLS;
        const float *added = (const float *)table->buf + ((const int64_t *)rows->buf)[i] * SYMBOLS;
        double before = ((const double *)scores->buf)[i];
        for (int s = 0; s < SYMBOLS; s++) {
            double score = before + row[s] + added[s];
            if (!(score >= floor) || (found == most && score <= to_score[most - 1]))
                continue;
            Py_ssize_t at = found < most ? found++ : most - 1;
            for (; at > 0 && to_score[at - 1] < score; at--) {
                to_score[at] = to_score[at - 1];
                to_parent[at] = to_parent[at - 1];
                to_symbol[at] = to_symbol[at - 1];
            }
            to_score[at] = score;
            to_parent[at] = i;
            to_symbol[at] = s;
        }
    }
    result = PyLong_FromSsize_t(found);
end:
    release(all, 7);
    return result;
}

static PyMethodDef methods[] = {
    {"normalise", normalise, METH_VARARGS, "normalise(mixed, table, rows, log_probs, probabilities)"},
    {"best", best, METH_VARARGS,
     "best(scores, log_probs, table, rows, floor, parents, symbols, chosen) -> how many"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_arithmetic", "The arithmetic of one step of a search.", 0, methods,
    slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__arithmetic(void)
{
    return PyModuleDef_Init(&definition);
}
