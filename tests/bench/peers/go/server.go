// The job as a Go team writes it, with gorilla/websocket and lib/pq.
//
//	server PORT DSN DIRECTORY [--echo]
package main

import (
	"bufio"
	"database/sql"
	"encoding/base64"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/gorilla/websocket"
	_ "github.com/lib/pq"
)

const create = `CREATE TABLE IF NOT EXISTS peer_calls (
    call_id text PRIMARY KEY, stream_id text, frames bigint, started_at timestamptz DEFAULT now(), ended_at timestamptz)`

type message struct {
	Event     string `json:"event"`
	StreamSid string `json:"streamSid,omitempty"`
	Start     *struct {
		CallSid   string `json:"callSid"`
		StreamSid string `json:"streamSid"`
	} `json:"start,omitempty"`
	Media *media `json:"media,omitempty"`
}

type media struct {
	Payload string `json:"payload"`
}

type server struct {
	database  *sql.DB
	directory string
	echo      bool
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	var callID, streamID string
	var frames int64
	var file *os.File
	var out *bufio.Writer

	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer socket.Close()
	defer func() {
		if file == nil {
			return
		}
		out.Flush()
		file.Close()
		if _, err := s.database.Exec("UPDATE peer_calls SET frames = $1, ended_at = now() WHERE call_id = $2", frames, callID); err != nil {
			log.Print("end: ", err)
		}
	}()
	for {
		var m message
		if err := socket.ReadJSON(&m); err != nil {
			return
		}
		switch m.Event {
		case "start":
			callID, streamID = m.Start.CallSid, m.Start.StreamSid
			if file, err = os.Create(filepath.Join(s.directory, callID+".ulaw")); err != nil {
				return
			}
			out = bufio.NewWriter(file)
			if _, err := s.database.Exec("INSERT INTO peer_calls (call_id, stream_id) VALUES ($1, $2)", callID, streamID); err != nil {
				log.Print("start: ", err)
				return
			}
		case "media":
			audio, err := base64.StdEncoding.DecodeString(m.Media.Payload)
			if err != nil {
				return
			}
			out.Write(audio)
			frames++
			if s.echo {
				answer := message{Event: "media", StreamSid: streamID, Media: &media{base64.StdEncoding.EncodeToString(audio)}}
				if err := socket.WriteJSON(&answer); err != nil {
					return
				}
			}
		case "stop":
			bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
			socket.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
		}
	}
}

func main() {
	s := &server{directory: os.Args[3], echo: len(os.Args) > 4 && os.Args[4] == "--echo"}
	var err error

	if s.database, err = sql.Open("postgres", os.Args[2]); err != nil {
		log.Fatal(err)
	}
	s.database.SetMaxOpenConns(40)
	if _, err = s.database.Exec(create); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", s.stream)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
