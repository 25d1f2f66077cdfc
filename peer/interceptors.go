package peer

import (
	"sync"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// lazyInterceptors registers the usual feedback with media, and returns a
// registry whose interceptors start with the first media stream of a PeerConnection.
// Started at once, they would be most of what a link costs that carries data only.
func lazyInterceptors(media *webrtc.MediaEngine) (*interceptor.Registry, error) {
	var usual, lazy interceptor.Registry
	if err := webrtc.RegisterDefaultInterceptors(media, &usual); err != nil {
		return nil, err
	}
	lazy.Add(lazyFactory{&usual})
	return &lazy, nil
}

type lazyFactory struct{ usual *interceptor.Registry }

func (f lazyFactory) NewInterceptor(id string) (interceptor.Interceptor, error) {
	return &lazyInterceptor{id: id, usual: f.usual}, nil
}

// lazyInterceptor stands for the usual chain until that is started.
type lazyInterceptor struct {
	// Set at construction.
	id    string
	usual *interceptor.Registry

	mu     sync.Mutex
	chain  interceptor.Interceptor // nil before the first stream
	reader interceptor.RTCPReader
	writer interceptor.RTCPWriter
}

// start returns the chain, made now if need be.
func (l *lazyInterceptor) start() interceptor.Interceptor {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.chain != nil {
		return l.chain
	}
	chain, err := l.usual.Build(l.id)
	if err != nil {
		chain = &interceptor.NoOp{} // media works without, only worse
	}
	l.chain = chain
	if l.reader != nil {
		l.reader = chain.BindRTCPReader(l.reader)
	}
	if l.writer != nil {
		l.writer = chain.BindRTCPWriter(l.writer)
	}
	return chain
}

func (l *lazyInterceptor) BindLocalStream(info *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	return l.start().BindLocalStream(info, w)
}

func (l *lazyInterceptor) BindRemoteStream(info *interceptor.StreamInfo, r interceptor.RTPReader) interceptor.RTPReader {
	return l.start().BindRemoteStream(info, r)
}

func (l *lazyInterceptor) UnbindLocalStream(info *interceptor.StreamInfo) {
	l.start().UnbindLocalStream(info)
}

func (l *lazyInterceptor) UnbindRemoteStream(info *interceptor.StreamInfo) {
	l.start().UnbindRemoteStream(info)
}

// BindRTCPReader is called once per sender and receiver, the first before any
// stream is bound; those after that find the chain started.
func (l *lazyInterceptor) BindRTCPReader(r interceptor.RTCPReader) interceptor.RTCPReader {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.chain != nil {
		return l.chain.BindRTCPReader(r)
	}
	l.reader = r
	return interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		l.mu.Lock()
		r := l.reader
		l.mu.Unlock()
		return r.Read(b, a)
	})
}

func (l *lazyInterceptor) BindRTCPWriter(w interceptor.RTCPWriter) interceptor.RTCPWriter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.chain != nil {
		return l.chain.BindRTCPWriter(w)
	}
	l.writer = w
	return interceptor.RTCPWriterFunc(func(packets []rtcp.Packet, a interceptor.Attributes) (int, error) {
		l.mu.Lock()
		w := l.writer
		l.mu.Unlock()
		return w.Write(packets, a)
	})
}

func (l *lazyInterceptor) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.chain == nil {
		return nil
	}
	return l.chain.Close()
}
